// A resource map as a regional network would make it: tiles of another host, facilities of its own, a search.
import * as maplibregl from '/maplibre-gl.mjs';

const tiles = 'https://tiles.care.test:@TILES@';
const map = new maplibregl.Map({
  container: 'map',
  center: [139.7, 35.69],
  zoom: 12,
  attributionControl: false,
  // Tiles as pictures, not by fetch: the policy lists their host for pictures alone.
  refreshExpiredTiles: false,
  style: {
    version: 8,
    sources: {
      tiles: { type: 'raster', tiles: [`${tiles}/{z}/{x}/{y}.png`], tileSize: 256 },
      care: { type: 'geojson', data: '/care.geojson' },
    },
    layers: [
      { id: 'tiles', type: 'raster', source: 'tiles' },
      { id: 'care', type: 'circle', source: 'care', paint: { 'circle-radius': 12, 'circle-color': '#d0021b' } },
    ],
  },
});
const place = () => [map.getCenter().lng, map.getCenter().lat].map((angle) => angle.toFixed(3)).join();
const shown = () => map.queryRenderedFeatures({ layers: ['care'] }).length;
map.on('error', (event) => tell('error', String(event.error?.message ?? event)));
map.on('idle', () => tell('idle', `${place()} ${shown()}`));

const button = (name, act) => { document.querySelector(`[data-spot=${name}]`).onclick = act; };
document.querySelector('[data-spot=search]').onchange = async (event) => {
  const care = await (await fetch('/care.geojson')).json();
  const found = care.features.find((one) => one.properties.yomi === event.target.value);
  tell('found', found?.properties.name ?? '');
  if (found) map.jumpTo({ center: found.geometry.coordinates, zoom: 17 });
};
button('script', () => {
  const script = document.createElement('script');
  script.onload = () => tell('script', 'loaded');
  script.onerror = () => tell('script', 'refused');
  script.src = `${tiles}/evil.js`;
  document.head.append(script);
});
button('popup', () => tell('popup', open('https://outside.test:@OUTSIDE@/popup') ? 'window' : 'none'));
button('place', () => {
  navigator.geolocation.getCurrentPosition(() => tell('place', 'known'), (error) => tell('place', `error ${error.code}`));
});
