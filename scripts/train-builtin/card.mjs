// Prints the card of a built-in model from its run's own files. `node card.mjs FOLDER NAME`: FOLDER holds NAME.log.jsonl of
// `train sft` and NAME.*.json of `countdown evaluate`.
import { readFileSync, readdirSync, statSync } from 'node:fs';

const [folder, name] = process.argv.slice(2);
const lines = readFileSync(`${folder}/${name}.log.jsonl`, 'utf8').trim().split('\n').map((line) => JSON.parse(line));
const [head, steps] = [lines[0], lines.filter((line) => line.type === 'step' && line.step > 0)];
const last = steps.at(-1);
const heldOut = lines.filter((line) => line.held_out_loss !== undefined && line.held_out_loss !== null).at(-1)?.held_out_loss;

// The time that training took: each line stands for the tokens since the one before, at its own speed.
let seconds = 0;
steps.forEach((line, i) => { seconds += (line.tokens - (steps[i - 1]?.tokens ?? 0)) / line.tokens_per_second; });

const percent = (value) => `${(100 * value).toFixed(1)} %`;
const megabytes = (bytes) => `${(bytes / 1e6).toFixed(2)} MB`;
const purpose = {
  base: 'Pretrained on solutions, on attempts that fail and say so, and on texts of backtracking whose sentences with wait and hmm it only reads: they are masked.',
  reasoning: 'Fine-tuned from countdown-base on texts that try, notice, say wait or hmm, and try another way; the choices of attempts that fail are masked.',
  backtrack: 'Fine-tuned from countdown-base on solutions, and on beginnings with one wrong step that is taken back with `<backtrack>`; the wrong step is masked (Yang et al. 2025).',
};
const settings = head.settings;

console.log(`# countdown-${name}

${purpose[name]}
\`scripts/train-builtin.sh\` makes it again; \`countdown-${name}.log.jsonl\` is the log of this one. Nothing here was entered by hand:
\`scripts/train-builtin/card.mjs\` wrote it from the run's files.

| | |
| --- | --- |
| shape | llama, ${head.model.layers} layers, width ${head.model.width}; ${megabytes(statSync(`${folder}/countdown-${name}.gguf`).size)} in F16 |
| started from | ${head.model.path} |
| data | ${head.data.sequences.toLocaleString('en')} texts, ${head.data.tokens.toLocaleString('en')} tokens, ${head.data.targets.toLocaleString('en')} of them trained |
| training | ${last.step.toLocaleString('en')} steps of ${settings.rows} x ${settings.length} tokens, ${last.tokens.toLocaleString('en')} tokens in all, learning rate ${settings.learning_rate}, ${settings.compute}, seed ${settings.seed} |
| time | ${Math.round(seconds / 60)} minutes at ${Math.round(last.tokens / seconds).toLocaleString('en')} tokens a second, ${head.threads} thread${head.threads === 1 ? '' : 's'} |
| loss at the end | ${last.loss.toFixed(3)}; ${heldOut === undefined ? 'not measured' : heldOut.toFixed(3)} on held-out texts |

Puzzles that training never had, 500 a row, greedy unless it says otherwise; numbers 1 to 50, targets 10 to 100, 95 % intervals:

| puzzles | solved | first attempt right | steps calculated right | attempts | wait or hmm | empty answers |
| --- | --- | --- | --- | --- | --- | --- |`);
for (const file of readdirSync(folder).filter((file) => file.startsWith(`${name}.`) && file.endsWith('.json')).sort()) {
  const figures = JSON.parse(readFileSync(`${folder}/${file}`, 'utf8'));
  const { value, low, high } = figures.accuracy;
  console.log(`| ${file.slice(name.length + 1, -5).replaceAll('-', ' ')} | ${percent(value)} (${percent(low)} to ${percent(high)}) | ${percent(figures.first_attempt)} `
    + `| ${percent(figures.arithmetic)} | ${figures.attempts_per_puzzle.toFixed(2)} | ${figures.backtracking_words_per_puzzle.toFixed(2)} | ${figures.empty} |`);
}
