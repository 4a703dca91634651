// Preloaded into programs (NODE_OPTIONS=--import): writes where they connect to, and lets them reach this host only.
import dgram from "node:dgram";
import { appendFileSync } from "node:fs";
import net from "node:net";
import { join } from "node:path";

const folder = process.env.CONNECTS_FOLDER;
if (folder === undefined) throw new Error("CONNECTS_FOLDER is not set");
const record = (line) => appendFileSync(join(folder, String(process.pid)), `${line}\n`);
const isHere = (host) => ["127.0.0.1", "::1", "localhost"].includes(host);

const connect = net.Socket.prototype.connect;
net.Socket.prototype.connect = function (...words) {
  const [first] = words;
  // Node normalizes its own calls into an array; a path is a socket in the file system.
  const options = Array.isArray(first) ? first[0] : typeof first === "object" ? first : { port: first, host: words[1] };
  if (typeof options.path !== "string") {
    const host = options.host ?? "localhost";
    record(`connect ${host}:${options.port}`);
    if (!isHere(host)) throw new Error(`a connection to ${host}`);
  }
  return connect.apply(this, words);
};

const send = dgram.Socket.prototype.send;
dgram.Socket.prototype.send = function (...words) {
  record("datagram");
  return send.apply(this, words);
};
