import vue from '@vitejs/plugin-vue';
import { defineConfig } from 'vite';

// `source`: the schemas are read from their TypeScript, so that the screens build without building them first.
const conditions = ['source', 'module', 'browser', 'development|production'];

export default defineConfig({
  plugins: [vue()],
  resolve: { conditions },
  define: {
    __VUE_OPTIONS_API__: false,
    __VUE_PROD_DEVTOOLS__: false,
    __VUE_I18N_FULL_INSTALL__: false,
    __VUE_I18N_LEGACY_API__: false,
    __INTLIFY_PROD_DEVTOOLS__: false,
  },
  build: { target: 'es2023', chunkSizeWarningLimit: 1_300, assetsInlineLimit: 0 },
  server: {
    proxy: { '/api': 'http://127.0.0.1:8080', '/socket.io': { target: 'http://127.0.0.1:8080', ws: true } },
  },
});
