import { createRouter, createWebHistory } from 'vue-router';

export const createPages = () =>
  createRouter({
    history: createWebHistory(),
    routes: [
      { path: '/wall', name: 'wall', component: () => import('./wall/WallPage.vue') },
      { path: '/sign-in', name: 'sign-in', component: () => import('./signin/SignInPage.vue') },
      {
        path: '/',
        component: () => import('./console/ConsoleFrame.vue'),
        children: [
          { path: 'alarms', name: 'alarms', component: () => import('./console/AlarmsPage.vue') },
          { path: 'trips', name: 'trips', component: () => import('./console/TripsPage.vue') },
          { path: 'trips/:tripId', name: 'trip', component: () => import('./console/TripPage.vue'), props: true },
          { path: 'gates', name: 'gates', component: () => import('./console/GatesPage.vue') },
          { path: 'gates/:gateId', name: 'gate', component: () => import('./console/GatePage.vue'), props: true },
          { path: 'locks', name: 'locks', component: () => import('./console/LocksPage.vue') },
          { path: 'locks/:lockId', name: 'lock', component: () => import('./console/LockPage.vue'), props: true },
          { path: 'simulator', name: 'simulator', component: () => import('./simulator/SimulatorPage.vue') },
          { path: 'replay', name: 'replay', component: () => import('./console/ReplayPage.vue') },
          {
            path: 'routes/:routeId?',
            name: 'routes',
            component: () => import('./console/RoutesPage.vue'),
            props: true,
          },
          {
            path: 'places/:placeId?',
            name: 'places',
            component: () => import('./console/PlacesPage.vue'),
            props: true,
          },
          { path: 'account', name: 'account', component: () => import('./console/AccountPage.vue') },
          { path: 'reports', name: 'reports', component: () => import('./console/ReportsPage.vue') },
          {
            path: 'admin',
            name: 'admin',
            component: () => import('./console/AdminPage.vue'),
            children: [
              { path: 'people', name: 'people', component: () => import('./console/PeoplePanel.vue') },
              { path: 'keys', name: 'keys', component: () => import('./console/KeysPanel.vue') },
              {
                path: 'subscriptions',
                name: 'subscriptions',
                component: () => import('./console/SubscriptionsPanel.vue'),
              },
              { path: 'audit', name: 'audit', component: () => import('./console/AuditPanel.vue') },
              { path: 'quarantine', name: 'quarantine', component: () => import('./console/QuarantinePanel.vue') },
            ],
          },
        ],
      },
      { path: '/:rest(.*)*', redirect: '/wall' },
    ],
  });
