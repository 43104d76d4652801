// Drives Backstage's own scaffolder client. One JSON command on each line in, one answer on each line out.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const require = createRequire(import.meta.url);
const { ScaffolderClient } = require('@backstage/plugin-scaffolder-common');
const { ScmIntegrations } = require('@backstage/integration');
const { ConfigReader } = require('@backstage/config');

// What the client's library of event streams expects of a browser.
globalThis.window = globalThis;
globalThis.document = { hidden: false, addEventListener() {}, removeEventListener() {} };

const [baseUrl, token, userEntityRef] = process.argv.slice(2);
const authorized = (url, init = {}) => {
  const headers = new Headers(init.headers);
  headers.set('Authorization', `Bearer ${token}`);
  return fetch(url, { ...init, headers });
};
const client = polling =>
  new ScaffolderClient({
    discoveryApi: { getBaseUrl: async plugin => `${baseUrl}/api/${plugin}` },
    fetchApi: { fetch: authorized },
    identityApi: { getBackstageIdentity: async () => ({ type: 'user', userEntityRef, ownershipEntityRefs: [] }) },
    scmIntegrationsApi: ScmIntegrations.fromConfig(new ConfigReader({})),
    useLongPollingLogs: polling,
  });

// An observable becomes the list of what it gave.
function gather(observable) {
  return new Promise((resolve, reject) => {
    const events = [];
    observable.subscribe({ next: event => events.push(event), error: reject, complete: () => resolve(events) });
  });
}

async function run({ method, args, polling }) {
  const result = client(polling ?? false)[method](...args);
  return typeof result.subscribe === 'function' ? gather(result) : await result;
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
