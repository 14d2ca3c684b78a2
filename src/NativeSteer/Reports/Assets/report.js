// Draws the charts: each figure holds its Vega-Lite specification with its numbers. Colours are CSS variables, so that a
// change between light and dark, and print, need no second drawing.
(async () => {
  const failed = [];
  for (const specification of document.querySelectorAll('script.spec')) {
    const figure = specification.closest('section');
    // Within the element that carries the chart's description: Vega would replace it by its own.
    const target = figure.querySelector('.chart').appendChild(document.createElement('div'));
    target.setAttribute('aria-hidden', 'true');
    try {
      const compiled = vegaLite.compile(JSON.parse(specification.textContent), { logger: vega.logger(vega.Error) });
      const view = new vega.View(vega.parse(compiled.spec), { renderer: 'svg', container: target, hover: true, logLevel: vega.Error });
      await view.runAsync();
      target.querySelector('svg').setAttribute('preserveAspectRatio', 'xMinYMid meet'); // where print makes it smaller
    } catch (error) {
      failed.push(figure.id);
      target.textContent = 'This chart could not be drawn; its numbers are in the table below.';
      console.error(`Figure ${figure.id}: ${error.message}`);
    }
  }
  document.documentElement.dataset.charts = failed.length ? `failed: ${failed.join(' ')}` : 'drawn';
})();
