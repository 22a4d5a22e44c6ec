// A program that knows nothing of us: for every line on stdin an AWS call by the JavaScript SDK, and a line of how
// it went. After the line `anew` the call is that of a new client, which has no credentials yet.
const { STSClient, GetCallerIdentityCommand } = require("@aws-sdk/client-sts");

async function main() {
  let sts = new STSClient({});
  for await (const line of require("node:readline").createInterface({ input: process.stdin })) {
    if (line === "anew") sts = new STSClient({});
    try {
      const who = await sts.send(new GetCallerIdentityCommand({}));
      console.log("ok", who.Arn);
    } catch (error) {
      console.log("refused", `${error.name}: ${error.message}`.replace(/\s+/g, " "));
    }
  }
}

main();
