import { createRouter, createWebHistory } from 'vue-router';

export const createPages = () =>
  createRouter({
    history: createWebHistory(),
    routes: [
      { path: '/wall', name: 'wall', component: () => import('./wall/WallPage.vue') },
      { path: '/sign-in', name: 'sign-in', component: () => import('./signin/SignInPage.vue') },
      { path: '/trips/:tripId', name: 'trip', component: () => import('./trip/TripPage.vue'), props: true },
      { path: '/:rest(.*)*', redirect: '/wall' },
    ],
  });
