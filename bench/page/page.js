// Draws the plots of the page, in the colours that the reader's system prefers, and again when either changes.
(() => {
  const drawn = JSON.parse(document.getElementById('charts').textContent);
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const short = (value) => Number(value.toPrecision(3)).toLocaleString('en-US', { maximumFractionDigits: 6 });
  const scaled = (value, units) => {
    const [factor, unit] = units.findLast(([least]) => value >= least) ?? units[0];
    return `${short(value / factor)}${unit}`;
  };
  // What options name with an @, as JSON has no functions.
  const formatters = {
    '@tip': (mark) => mark.data.tip ?? mark.seriesName,
    '@us': (us) =>
      us === 0
        ? '0'
        : scaled(us, [
            [1e-3, ' ns'],
            [1, ' µs'],
            [1e3, ' ms'],
            [1e6, ' s'],
          ]),
    '@count': (count) =>
      scaled(count, [
        [1, ''],
        [1e3, 'k'],
        [1e6, 'M'],
      ]),
    '@mib': (mib) =>
      scaled(mib, [
        [1, ' MiB/s'],
        [1024, ' GiB/s'],
      ]),
    '@kib': (kib) =>
      scaled(kib, [
        [1, ' KiB'],
        [1024, ' MiB'],
      ]),
    '@percentile': (rest) => `${short(100 - 100 / rest)} %`,
  };
  const withFunctions = (_, value) => (typeof value === 'string' && value in formatters ? formatters[value] : value);
  const charts = new Map();

  function draw(element) {
    charts.get(element)?.dispose();
    const chart = echarts.init(element, dark.matches ? 'dark' : null, { renderer: 'svg' });
    const option = JSON.parse(JSON.stringify(drawn[element.id]), withFunctions);
    chart.setOption(option);
    charts.set(element, chart);
  }

  const elements = [...document.querySelectorAll('.chart')];
  for (const element of elements) draw(element);
  dark.addEventListener('change', () => elements.forEach(draw));
  const sizes = new ResizeObserver((entries) => {
    for (const { target } of entries) charts.get(target)?.resize();
  });
  for (const element of elements) sizes.observe(element);
  globalThis.callgateCharts = charts; // for tests, and for who opens the console
})();
