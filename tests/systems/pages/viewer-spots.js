// The parts of Orthanc's own viewer that a person takes hold of, and what it says of the picture.
window.spots = {
  image: '#dicomImage canvas',
  slider: '#slider',
  handle: '#slider .ui-slider-handle',
  toolbar: '#open-toolbar',
  download: '.jsPanel .toolbar-view button:last-child, .jsPanel .toolbar-view .ui-button:last-child',
};
(() => {
  let before = '';
  setInterval(() => {
    const text = (id) => document.getElementById(id)?.textContent ?? '';
    const now = `${text('bottomleft')} ${text('bottomright')}`;
    if (now !== before) tell('view', (before = now));
  }, 100);
})();
