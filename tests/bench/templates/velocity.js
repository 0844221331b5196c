// Renders the templates that come in with Velocity.js, one JSON document a line, and says how
// long each took. Templates are parsed once, as in the other engines.
'use strict';

const readline = require('readline');
const { Compile, parse } = require('velocityjs');

const ROUNDS = 9;
const ROUND = 50e6;

function measure(call) {
  let times = 1;
  const round = () => {
    const start = process.hrtime.bigint();
    for (let time = 0; time < times; time += 1) call();
    return Number(process.hrtime.bigint() - start);
  };
  while (round() < ROUND) times *= 2;
  const rounds = Array.from({ length: ROUNDS }, round);
  return Math.min(...rounds) / times;
}

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const { template, variables } = JSON.parse(line);
  const parsed = parse(template);
  const render = () => new Compile(parsed).render(variables);
  const printed = render();
  console.log(JSON.stringify({ nanoseconds: measure(render), printed }));
});
