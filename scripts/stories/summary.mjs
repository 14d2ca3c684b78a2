// Reads a log of `nativesteer generate` and prints, for each steering strength, how often its stories use words of
// happiness and of sadness. `node summary.mjs run.jsonl`
import { readFileSync } from 'node:fs';

export const happy = new Set('happy happily smile smiled fun laugh laughed excited glad love loved proud hug hugged yay'.split(' '));
export const sad = new Set('sad sadly cry cried scared hurt afraid angry mad lost worried alone dark'.split(' '));

const wordsOf = (text) => text.toLowerCase().match(/[a-z']+/g) ?? [];
const percent = (words, set) => (100 * words.filter((word) => set.has(word)).length) / Math.max(1, words.length);

/** One object per strength, ascending: { scale, happy, sad (percent of words), text (of the first story) }. */
export function doses(path) {
  const lines = readFileSync(path, 'utf8').trim().split('\n').slice(1).map((line) => JSON.parse(line)); // the first is provenance
  const byScale = Map.groupBy ? Map.groupBy(lines, scaleOf) : group(lines);
  return [...byScale].sort(([a], [b]) => a - b).map(([scale, rollouts]) => {
    const words = rollouts.flatMap((rollout) => wordsOf(rollout.text));
    return { scale, happy: percent(words, happy), sad: percent(words, sad), text: rollouts[0].text };
  });
}

const scaleOf = (rollout) => rollout.steer?.[0]?.scale ?? 0;

function group(lines) {
  const groups = new Map();
  for (const line of lines) groups.set(scaleOf(line), [...(groups.get(scaleOf(line)) ?? []), line]);
  return groups;
}

if (import.meta.url === `file://${process.argv[1]}`) {
  const bar = (value) => '█'.repeat(Math.round(2 * value)).padEnd(14);
  console.log(' scale  happy %                sad %                  a story');
  for (const dose of doses(process.argv[2])) {
    const text = dose.text.replace(/\s+/g, ' ').trim().slice(0, 70);
    console.log(`${dose.scale.toFixed(1).padStart(6)}  ${dose.happy.toFixed(1).padStart(4)} ${bar(dose.happy)}    ${dose.sad.toFixed(1).padStart(4)} ${bar(dose.sad)}    ${text}`);
  }
}
