// Words of happiness and of sadness against steering strength, as SVG on stdout. `node figure.mjs run.jsonl`
import * as vega from 'vega';
import * as lite from 'vega-lite';
import { doses } from './summary.mjs';

const values = doses(process.argv[2]).flatMap(({ scale, happy, sad }) => [
  { scale, words: 'happy, smile, fun, ...', percent: happy },
  { scale, words: 'sad, cry, scared, ...', percent: sad },
]);
const specification = {
  $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
  title: { text: 'Steering a 260K-weight story teller from sad to happy', anchor: 'start' },
  width: 460, height: 190, background: 'white', padding: 12,
  data: { values },
  mark: { type: 'line', point: { size: 60 }, strokeWidth: 2.5 },
  encoding: {
    x: { field: 'scale', type: 'quantitative', title: 'strength, in residual norms at layer 3', scale: { nice: false } },
    y: { field: 'percent', type: 'quantitative', title: '% of words' },
    color: { field: 'words', type: 'nominal', title: null, scale: { range: ['#d9822b', '#3b6fb6'] }, legend: { orient: 'top-left', offset: 8, labelLimit: 300 } },
  },
  config: { font: 'sans-serif', view: { stroke: null }, axis: { gridColor: '#eee', domainColor: '#888' } },
};
const view = new vega.View(vega.parse(lite.compile(specification).spec), { renderer: 'none' });
process.stdout.write(await view.toSVG());
