/** Appends lines over a bad network, and says what it was told of each. It appends so many, or, with 0, until its input ends. */

import { JournalClient, runtime } from "./index.js";

const TASKS = 5;

async function append(client: JournalClient, line: string): Promise<string> {
  let call = () => client.append(line);
  for (;;) {
    try {
      await call();
      return "ran";
    } catch (error) {
      if (error instanceof runtime.NotExecuted) {
        if (!error.mayPass) return "never";
        call = () => client.append(line);
      } else if (error instanceof runtime.UnknownOutcome) {
        if (!error.isOpen) return "unknown";
        const resolve = error.resolve as (timeout: number) => Promise<bigint>;
        call = () => resolve(5000);
      } else if (error instanceof runtime.Executed) {
        return "ran";
      } else {
        throw error;
      }
    }
  }
}

const [address, count] = process.argv.slice(2) as [string, string];
let ended = false;
process.stdin.on("end", () => {
  ended = true;
});
process.stdin.resume();
const client = await JournalClient.connect(address, { connect: 30_000, timeout: 1000 });
const most = Number(count) || Infinity;

async function run(first: number): Promise<void> {
  for (let number = first; number < most && !(most === Infinity && ended); number += TASKS) {
    const line = `typescript ${number}`;
    process.stdout.write(`${await append(client, line)} ${line}\n`);
  }
}

await Promise.all(Array.from({ length: TASKS }, (_, first) => run(first)));
client.close();
process.stdin.destroy();
