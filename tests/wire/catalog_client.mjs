// Drives Backstage's own catalog client. One JSON command on each line in, one answer on each line out.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const require = createRequire(import.meta.url);
const { CatalogClient, CATALOG_FILTER_EXISTS } = require('@backstage/catalog-client');

const [baseUrl, token] = process.argv.slice(2);
const client = new CatalogClient({ discoveryApi: { getBaseUrl: async plugin => `${baseUrl}/api/${plugin}` } });

// What the client wants as a symbol comes as {"$symbol": "exists"}.
function revive(value) {
  if (Array.isArray(value)) return value.map(revive);
  if (value && typeof value === 'object') {
    if (value.$symbol === 'exists') return CATALOG_FILTER_EXISTS;
    return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, revive(child)]));
  }
  return value;
}

async function run({ method, args }) {
  if (method === '') {
    const names = Object.getOwnPropertyNames(CatalogClient.prototype);
    return names.filter(name => name !== 'constructor');
  }
  const given = args.length ? revive(args) : [undefined];
  const result = client[method](...given, { token });
  if (result && result[Symbol.asyncIterator]) {
    const pages = [];
    for await (const page of result) pages.push(page);
    return pages;
  }
  return await result;
}

for await (const line of createInterface({ input: process.stdin })) {
  let answer;
  try {
    answer = { result: (await run(JSON.parse(line))) ?? null };
  } catch (error) {
    answer = { error: { name: error.name, message: error.message, status: error.statusCode ?? null } };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
