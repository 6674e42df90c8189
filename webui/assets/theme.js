// Sets the dark or the light theme before the first paint, so this is no module. The local storage has the user's
// choice under bramble.theme. Without one the system's theme counts.
{
  const light = matchMedia('(prefers-color-scheme: light)');
  const apply = () => {
    let chosen = null;
    try { chosen = localStorage.getItem('bramble.theme'); } catch { /* storage is forbidden: the system decides */ }
    const system = light.matches ? 'light' : 'dark';
    document.documentElement.dataset.theme = chosen === 'light' || chosen === 'dark' ? chosen : system;
  };
  light.addEventListener('change', apply);
  window.addEventListener('storage', apply); // the toggle in another tab
  document.addEventListener('themechange', apply);
  apply();
}
