// Dark or light, before the first paint: so this is no module. The choice of the toggle is in `bramble.theme`, else the system decides.
{
  const light = matchMedia('(prefers-color-scheme: light)');
  const apply = () => {
    let chosen = null;
    try { chosen = localStorage.getItem('bramble.theme'); } catch { /* storage is forbidden: the system decides */ }
    document.documentElement.dataset.theme = chosen === 'light' || chosen === 'dark' ? chosen : light.matches ? 'light' : 'dark';
  };
  light.addEventListener('change', apply);
  window.addEventListener('storage', apply); // the toggle in another tab
  document.addEventListener('themechange', apply);
  apply();
}
