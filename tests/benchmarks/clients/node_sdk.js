// The official SDK for Node, as shipped; only its address is changed, while its source is loaded.
'use strict';

const Module = require('module');

const [url, authId, token, action, ...args] = process.argv.slice(2);
const compile = Module.prototype._compile;
Module.prototype._compile = function (source, filename) {
  const own = /[\\/]plivo[\\/]dist[\\/]/.test(filename);
  return compile.call(this, own ? source.split('https://api.plivo.com').join(url) : source, filename);
};
const plivo = require('plivo');

// An error that is no Error object is text with a stack: its first line says what happened.
const named = (error) => (error instanceof Error ? error.constructor.name : String(error).split('\n')[0]);

async function main() {
  const client = new plivo.Client(authId, token);
  const result = { records: 0, ids: [], errors: [], amount: null };
  const started = process.hrtime.bigint();
  if (action === 'list') {
    try {
      for (let offset = 0; ; offset += 20) {
        const page = await client.calls.list({ limit: 20, offset });
        if (page.length === 0) break;
        page.forEach((call) => result.ids.push(call.callUuid));
      }
    } catch (error) {
      result.errors.push(named(error));
    }
    result.records = result.ids.length;
  } else {
    const [count, ...ids] = args;
    for (let number = 0; number < Number(count); number += 1) {
      try {
        const call = await client.calls.get(ids[number % ids.length]);
        if (call.callUuid === undefined) {
          result.errors.push('no error; an object without a call UUID');
        } else {
          result.records += 1;
          result.amount = JSON.stringify(call.totalAmount);
        }
      } catch (error) {
        result.errors.push(named(error));
      }
    }
  }
  result.seconds = Number(process.hrtime.bigint() - started) / 1e9;
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

main().then(() => process.exit(0));
