import '@fontsource-variable/noto-sans-sc/index.css';
import './page.css';
import { createApp } from 'vue';
import App from './App.vue';
import { createTexts } from './i18n/index.ts';
import { createPages } from './pages.ts';

createApp(App).use(createTexts()).use(createPages()).mount('#app');
