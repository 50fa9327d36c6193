import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { arch, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { startBrowser } from '../testing/browser.js';
import { someResults } from '../testing/some-results.js';
import { chartsOf, pageOf } from './page.js';

const results = someResults();

test('the page has a plot for each thing that is compared, with a sentence on how to read it, and no address', () => {
  const charts = chartsOf(results);
  expect(charts.map(({ id }) => id)).toEqual(
    expect.arrayContaining([
      ...['latency-unary-sync', 'latency-unary-async', 'distribution-unary-sync', 'rate-in-flight-64'],
      ...['throughput', 'rate-by-connections', 'memory-per-connection', 'start-up'],
    ]),
  );
  for (const { reading } of charts) expect(reading).toMatch(/\.$/);
  const page = pageOf(results);
  for (const { title, reading } of charts) for (const words of [title, reading]) expect(page).toContain(words);
  expect(page.replace(/<script>[\s\S]*?<\/script>/g, '')).not.toMatch(/\b(?:src|href)="(?!data:,)/);
});

test.runIf(arch() === 'x64')(
  'a browser draws every plot, asks for nothing else, and complains of nothing',
  {
    timeout: 120_000,
  },
  async () => {
    const dir = mkdtempSync(join(tmpdir(), 'bench-page-'));
    try {
      await using chromium = await startBrowser();
      const file = join(dir, 'page.html');
      writeFileSync(file, pageOf(results));
      const page = await chromium.browser.newPage();
      const heard: string[] = [];
      page.on('console', (message) => heard.push(message.text()));
      page.on('pageerror', (error) => heard.push(String(error)));
      page.on('request', (request) => heard.push(request.url().slice(0, 100)));
      await page.setViewport({ width: 1200, height: 900 });
      await page.goto(pathToFileURL(file).href);
      expect(heard.filter((line) => !line.startsWith('data:'))).toEqual([pathToFileURL(file).href]);

      const marks = await page.$$eval('.chart', (elements) =>
        elements.map(
          (element) => [element.id, element.querySelectorAll('svg path').length, element.textContent] as const,
        ),
      );
      expect(marks.map(([id]) => id)).toEqual(chartsOf(results).map(({ id }) => id));
      for (const { id, subjects } of chartsOf(results)) {
        const [, paths = 0, text = ''] = marks.find(([drawnId]) => drawnId === id) ?? [];
        expect(paths, id).toBeGreaterThan(subjects.length);
        expect(text, id).toContain(subjects[0]);
        expect(text, id).not.toContain('NaN');
      }
      expect(await page.$$eval('.met, .missed', (rows) => rows.length)).toBeGreaterThan(10);

      // A narrow window, such as a phone's, has to scroll down only.
      await page.setViewport({ width: 400, height: 800 });
      await page.waitForFunction('document.querySelector(".chart svg").clientWidth < 400');
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(400);

      await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: 'dark' }]);
      expect(await page.$$eval('.chart svg', (all) => all.length)).toBe(marks.length);
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  },
);
