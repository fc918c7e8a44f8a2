// Starts converse.js the way a regional care network would.
import converse from '/converse.min.js';

converse.initialize({
  websocket_url: 'wss://' + location.host + '/xmpp-websocket',
  assets_path: '/',
  authentication: 'login',
  allow_registration: false,
  discover_connection_methods: false,
  show_desktop_notifications: false,
  locked_domain: '@CHAT@',
  auto_join_rooms: ['@ROOM@'],
  muc_nickname_from_jid: true,
  clear_cache_on_logout: true,
  view_mode: 'fullscreen',
  i18n: 'ja',
  persistent_store: 'IndexedDB',
  show_background: false,
  theme: 'classic',
});
