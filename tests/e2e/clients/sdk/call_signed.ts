// Calls operations that ask for AWS signatures, twice each: the client signs anew every time.
// A client goes on with the first credentials of its process, so that others need another process.
// Arguments: where the API is, an access key and its secret. Standard output: the statuses, in JSON.

import { Configuration, DefaultApi } from "client";

const [basePath, accessKeyId, secretAccessKey] = process.argv.slice(2);

const options = { region: "us-east-1", service: "execute-api" };
const credentials = { accessKeyId, secretAccessKey };
const api = new DefaultApi(new Configuration({ basePath, awsv4: { options, credentials } }));

async function status(call: Promise<{ status: number }>) {
  return call.then(
    (answer) => answer.status,
    (refusal) => refusal.response?.status ?? String(refusal),
  );
}

async function main() {
  const statuses = [];
  for (let time = 0; time < 2; time++) {
    statuses.push(await status(api.listPets("a b/c")));
    statuses.push(await status(api.addPet({ name: "Rex ä" })));
  }
  console.log(JSON.stringify(statuses));
}

main();
