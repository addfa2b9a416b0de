/** Keys: the receiver's own, and the public ones of bureaus and of the platform.
 *
 *  Algorithms are fixed here and never read from what arrived: ES256, or SM2 with SM3 under the identity
 *  1234567812345678; sealed is ECDH-ES+A256KW with A256GCM. */

import { createHash, createPublicKey, verify } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { weierstrass } from "@noble/curves/abstract/weierstrass.js";
import { calculateJwkThumbprint, CompactSign, compactDecrypt, decodeProtectedHeader, importJWK } from "jose";

const SM2 = weierstrass({
  p: 0xfffffffeffffffffffffffffffffffffffffffff00000000ffffffffffffffffn,
  n: 0xfffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123n,
  h: 1n,
  a: 0xfffffffeffffffffffffffffffffffffffffffff00000000fffffffffffffffcn,
  b: 0x28e9fa9e9d9f5e344d5a9e4bcf6509a7f39789f515ab8f92ddbcbd414d940e93n,
  Gx: 0x32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7n,
  Gy: 0xbc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0n,
});
// SPKI of an uncompressed point is these bytes and the point: RFC 5480, GB/T 35276.
const HEADS = {
  "3059301306072a8648ce3d020106082a8648ce3d03010703420004": "ES256",
  "3059301306072a8648ce3d020106082a811ccf5501822d03420004": "SM2-SM3",
};
const IDENTITY = Buffer.from("1234567812345678");
const SEALED = /^eyJ[\w-]*(\.[\w-]+){4}$/;

export const hashed = (name, ...bytes) => bytes.reduce((hash, each) => hash.update(each), createHash(name)).digest();
export const isSealed = (value) => typeof value === "string" && SEALED.test(value);

/** The receiver's private keys, the newest of each use first. */
export class ReceiverKeys {
  static async load(path) {
    const { receiver, keys } = JSON.parse(readFileSync(path, "utf8"));
    const of = (use, alg) =>
      Promise.all(
        keys
          .filter((key) => key.use === use && key.d)
          .map(async (key) => ({ kid: await calculateJwkThumbprint(key), key: await importJWK(key, alg) })),
      );
    return Object.assign(new ReceiverKeys(), { receiver, sealing: await of("enc", "ECDH-ES+A256KW"), signing: await of("sig", "ES256") });
  }

  /** Open what was sealed for this receiver; throws where it was not. */
  async unseal(sealed) {
    const { kid } = decodeProtectedHeader(sealed);
    const own = this.sealing.find((each) => each.kid === kid);
    if (!own) throw new Error("kid");
    const only = { keyManagementAlgorithms: ["ECDH-ES+A256KW"], contentEncryptionAlgorithms: ["A256GCM"] };
    const { plaintext } = await compactDecrypt(sealed, own.key, only);
    return new TextDecoder("utf-8", { fatal: true }).decode(plaintext);
  }

  /** Sign `said` as a compact JWS of the type `typ`. */
  async sign(typ, said) {
    const [{ kid, key }] = this.signing;
    const payload = new TextEncoder().encode(JSON.stringify(said));
    return await new CompactSign(payload).setProtectedHeader({ alg: "ES256", kid, typ }).sign(key);
  }
}

/** Somebody's public key; `owner` is a bureau's credit code, empty: the platform. */
class PublicKey {
  constructor(pem, owner) {
    const der = Buffer.from(pem.split("-----")[2] ?? "", "base64");
    this.algorithm = HEADS[der.toString("hex", 0, der.length - 64)];
    if (!this.algorithm) throw new Error("not a public key of P-256 or SM2 in PEM");
    Object.assign(this, { id: hashed("sha256", der).toString("hex").slice(0, 16), owner, der });
  }

  /** Whether this key has signed `text`; `signature` is r and s, as JOSE has them. */
  verify(text, signature) {
    if (signature.length !== 64) return false;
    if (this.algorithm === "SM2-SM3") return verifySm2(this.der.subarray(-64), text, signature);
    const key = createPublicKey({ key: this.der, format: "der", type: "spki" });
    return verify("sha256", text, { key, dsaEncoding: "ieee-p1363" }, signature);
  }
}

/** Bureaus' keys lie as `<credit code>.<anything>.pem`; the platform's own have no owner. */
export function publicKeys(folder, { owned }) {
  const files = folder ? readdirSync(folder).filter((name) => name.endsWith(".pem")).sort() : [];
  return files.map((name) => new PublicKey(readFileSync(join(folder, name), "ascii"), owned ? basename(name).split(".")[0] : ""));
}

/** A compact JWS taken apart, its signature not verified; null where it is none. */
export function token(compact) {
  const parts = typeof compact === "string" ? compact.split(".") : [];
  if (parts.length !== 3 || !parts.every((part) => /^[\w-]+$/.test(part))) return null;
  const [first, second, signature] = parts.map((part) => Buffer.from(part, "base64url"));
  try {
    const decode = (bytes) => JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
    const [header, payload] = [decode(first), decode(second)];
    if (![header, payload].every(isObject)) return null;
    // RFC 8785: written so, nobody reads another thing in it.
    const canonical = first.equals(written(header)) && second.equals(written(payload));
    return { header, payload, canonical, signed: Buffer.from(`${parts[0]}.${parts[1]}`), signature };
  } catch {
    return null;
  }
}

export const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

const sorted = (value) =>
  Array.isArray(value)
    ? value.map(sorted)
    : isObject(value)
      ? Object.fromEntries(Object.keys(value).sort().map((name) => [name, sorted(value[name])]))
      : value;
export const written = (value) => Buffer.from(JSON.stringify(sorted(value)));

/** GB/T 32918.2, over public data alone: no secret is at stake here. */
function verifySm2(point, text, signature) {
  const { n, a, b, Gx, Gy } = SM2.CURVE();
  const number = (bytes) => BigInt(`0x${Buffer.from(bytes).toString("hex")}`);
  const bytes = (value) => Buffer.from(value.toString(16).padStart(64, "0"), "hex");
  const [r, s] = [number(signature.subarray(0, 32)), number(signature.subarray(32))];
  const t = (r + s) % n;
  if (r < 1n || s < 1n || r >= n || s >= n || t === 0n) return false;
  const bits = Buffer.from([0, IDENTITY.length * 8]);
  const z = hashed("sm3", bits, IDENTITY, ...[a, b, Gx, Gy].map(bytes), point);
  const e = number(hashed("sm3", z, text));
  try {
    const key = SM2.fromHex(`04${Buffer.from(point).toString("hex")}`);
    const { x } = SM2.BASE.multiplyUnsafe(s).add(key.multiplyUnsafe(t)).toAffine();
    return (e + x) % n === r;
  } catch {
    return false;
  }
}
