// Runs the page's module: a program for WASI that takes words, may read a text, and prints JSON. Each question is a new run.
"use strict";

const host = (() => {
  let compiled;

  class Exit extends Error {
    constructor(code) { super(`the module ended with ${code}`); this.code = code; }
  }

  async function compile() {
    if (typeof WebAssembly !== "object") throw new Error(words("noWebAssembly"));
    if (typeof MODULE !== "string") throw new Error(words("noModule"));
    const text = atob(MODULE);
    const bytes = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
    return WebAssembly.compile(bytes);
  }

  // The functions of the system that the module calls. All others answer "not there".
  function system(question, input, memory) {
    const encoder = new TextEncoder(), decoder = new TextDecoder();
    const args = ["page", ...question].map((word) => encoder.encode(`${word}\0`));
    const view = () => new DataView(memory().buffer);
    const output = ["", "", ""];
    let unread = encoder.encode(input);
    const each = (list, count) => Array.from({ length: count }, (_, n) => [view().getUint32(list + 8 * n, true), view().getUint32(list + 8 * n + 4, true)]);
    const functions = {
      args_sizes_get(count, size) {
        view().setUint32(count, args.length, true);
        view().setUint32(size, args.reduce((sum, word) => sum + word.length, 0), true);
        return 0;
      },
      args_get(list, at) {
        for (const word of args) {
          view().setUint32(list, at, true);
          new Uint8Array(memory().buffer).set(word, at);
          list += 4;
          at += word.length;
        }
        return 0;
      },
      environ_sizes_get(count, size) {
        view().setUint32(count, 0, true);
        view().setUint32(size, 0, true);
        return 0;
      },
      environ_get: () => 0,
      random_get(at, count) { // the keys of hash tables: no story depends on them
        crypto.getRandomValues(new Uint8Array(memory().buffer, at, count));
        return 0;
      },
      clock_time_get(_clock, _precision, at) { // only asked for by events of a log, which the page has not
        view().setBigUint64(at, 0n, true);
        return 0;
      },
      fd_read(_file, list, count, result) {
        let taken = 0;
        for (const [at, length] of each(list, count)) {
          const part = unread.subarray(0, length);
          new Uint8Array(memory().buffer).set(part, at);
          unread = unread.subarray(part.length);
          taken += part.length;
        }
        view().setUint32(result, taken, true);
        return 0;
      },
      fd_write(file, list, count, result) {
        let given = 0;
        for (const [at, length] of each(list, count)) {
          output[file] += decoder.decode(new Uint8Array(memory().buffer, at, length).slice(), { stream: true });
          given += length;
        }
        view().setUint32(result, given, true);
        return 0;
      },
      proc_exit(code) { throw new Exit(code); },
    };
    return { output, imports: new Proxy(functions, { get: (all, name) => all[name] ?? (() => 52) }) };
  }

  // Asks the module. A mistake in the question comes back as the field `error` of the answer.
  async function ask(question, input = "") {
    compiled ??= compile();
    const module = await compiled;
    let instance;
    const { output, imports } = system(question, input, () => instance.exports.memory);
    const named = {};
    for (const { name } of WebAssembly.Module.imports(module)) named[name] = imports[name];
    instance = await WebAssembly.instantiate(module, { wasi_snapshot_preview1: named });
    try {
      instance.exports._start();
    } catch (error) {
      if (!(error instanceof Exit) || error.code !== 0) throw new Error(output[2].trim() || String(error));
    }
    return JSON.parse(output[1]);
  }

  return { ask };
})();
