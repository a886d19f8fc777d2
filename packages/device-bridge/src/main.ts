/** Entry of the bridge service. Settings are environment variables (`@atesto/shared/config/bridge`). */

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 19)) {
  // Before anything is imported: what the bridge is made of does not even load on older ones.
  process.stderr.write(`The bridge needs Node 22.19 or newer; this is ${process.versions.node}.\n`);
  process.exitCode = 1;
} else {
  const { runBridge } = await import('./run.ts');
  process.exitCode = await runBridge(process.env);
}
