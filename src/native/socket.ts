/**
 * Sockets with options that Node does not offer: TCP MD5, TTL limits, a device, a filter by source.
 *
 * The only home of koffi: it costs 9 MB and 20 ms, so import this file lazily, where an option needs
 * it. It is required, not imported, because a bundle would load a static import at its start. Linux only. None of the options needs a capability. The numbers are those of Linux' headers.
 */
import { createRequire } from "node:module";
import type Koffi from "koffi";
import { type Address, addressOctets } from "../net/address.ts";

export interface SocketRequest {
  readonly family: Address["family"];
  readonly type: "stream" | "datagram";
  /** TCP MD5 (RFC 2385): the peer, and a key of 1 to 80 octets. */
  readonly md5?: { readonly peer: Address; readonly key: string };
  /** TTL or hop limit of what we send, 1 to 255. */
  readonly ttl?: number;
  /** Streams: what arrives with a lower TTL is dropped by the kernel (RFC 5082). */
  readonly minimumTtl?: number;
  /** Datagrams: what arrives from others, or with a lower TTL, is dropped by the kernel. */
  readonly sources?: readonly DatagramSource[];
  /** The octet of DSCP and ECN, 0 to 255. */
  readonly trafficClass?: number;
  /** Send and receive on this interface only. */
  readonly device?: string;
  /** Bind to this address and port; required for datagrams. */
  readonly bind?: { readonly address: Address; readonly port: number };
}

/** Who may send datagrams, and the least TTL or hop limit that they must arrive with. */
export interface DatagramSource {
  readonly address: Address;
  readonly minimumTtl: number;
}

/** A system call failed; `code` is the name of its errno (`EINVAL`). */
export class SocketError extends Error {
  readonly code: string;

  constructor(call: string, code: string) {
    super(`${call}: ${code}`);
    this.name = "SocketError";
    this.code = code;
  }
}

const koffi: typeof Koffi = createRequire(import.meta.url)("koffi");
const libc = koffi.load(null);
const socket = libc.func("int socket(int domain, int type, int protocol)");
const close = libc.func("int close(int fd)");
const bind = libc.func("int bind(int fd, const void *address, uint32_t length)");
const setsockopt = libc.func(
  "int setsockopt(int fd, int level, int name, const void *value, uint32_t length)",
);
koffi.struct("sock_fprog", { len: "uint16_t", filter: "const uint8_t *" });
const attachFilter = libc.func("setsockopt", "int", [
  "int",
  "int",
  "int",
  "const sock_fprog *",
  "uint32_t",
]);

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK_CLOEXEC = 0o2004000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_BINDTODEVICE = 25;
const SO_ATTACH_FILTER = 26;
const IPPROTO_TCP = 6;
const TCP_MD5SIG = 14;
const IPV6_V6ONLY = 26;

/** Level and name of the options that differ by family. */
const familyOptions = {
  ipv4: { level: 0, ttl: 2, minimumTtl: 21, trafficClass: 1 },
  ipv6: { level: 41, ttl: 16, minimumTtl: 73, trafficClass: 67 },
} as const;

/** Where the fields of an IP header are, in octets. */
const headerOffsets = {
  ipv4: { ttl: 8, source: 12 },
  ipv6: { ttl: 7, source: 8 },
} as const;

/** The longest key that the kernel takes (TCP_MD5SIG_MAXKEYLEN). */
export const longestMd5Key = 80;

/**
 * Makes a non-blocking socket and returns its file descriptor. Hand it to `new net.Socket({ fd })`,
 * `net.createServer().listen({ fd })` or `dgram.createSocket(...).bind({ fd })` in the same tick; they
 * close it.
 *
 * @throws SocketError if the kernel refuses one of the options; the socket is closed then
 */
export function openSocket(request: SocketRequest): number {
  const domain = request.family === "ipv4" ? AF_INET : AF_INET6;
  const type = request.type === "stream" ? SOCK_STREAM : SOCK_DGRAM;
  const fd: number = socket(domain, type | SOCK_NONBLOCK_CLOEXEC, 0);
  if (fd < 0) {
    throw new SocketError("socket", errnoName());
  }
  try {
    configure(fd, request);
    return fd;
  } catch (error) {
    close(fd);
    throw error;
  }
}

function configure(fd: number, request: SocketRequest): void {
  const options = familyOptions[request.family];
  if (request.family === "ipv6") {
    setNumber(fd, options.level, IPV6_V6ONLY, 1);
  }
  if (request.ttl !== undefined) {
    setNumber(fd, options.level, options.ttl, request.ttl);
  }
  if (request.trafficClass !== undefined) {
    setNumber(fd, options.level, options.trafficClass, request.trafficClass);
  }
  if (request.minimumTtl !== undefined) {
    setNumber(fd, options.level, options.minimumTtl, request.minimumTtl);
  }
  if (request.sources !== undefined) {
    setSourceFilter(fd, request.sources);
  }
  if (request.md5 !== undefined) {
    setMd5(fd, request.md5.peer, request.md5.key);
  }
  if (request.device !== undefined) {
    setOption(fd, SOL_SOCKET, SO_BINDTODEVICE, Buffer.from(`${request.device}\0`));
  }
  if (request.bind !== undefined) {
    setNumber(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    const address = socketAddress(request.bind.address, request.bind.port);
    if (bind(fd, address, address.length) < 0) {
      const { address, port } = request.bind;
      throw new SocketError(`bind ${address.text} port ${port}`, errnoName());
    }
  }
}

function setNumber(fd: number, level: number, name: number, value: number): void {
  const octets = Buffer.alloc(4);
  octets.writeInt32LE(value);
  setOption(fd, level, name, octets);
}

function setOption(fd: number, level: number, name: number, value: Buffer): void {
  if (setsockopt(fd, level, name, value, value.length) < 0) {
    throw new SocketError(`setsockopt ${level}/${name}`, errnoName());
  }
}

/** struct tcp_md5sig: sockaddr_storage, flags, prefix length, key length, interface, key. */
function setMd5(fd: number, peer: Address, key: string): void {
  const octets = Buffer.from(key, "utf8");
  if (octets.length === 0 || octets.length > longestMd5Key) {
    throw new RangeError(`a TCP MD5 key has 1 to ${longestMd5Key} octets, not ${octets.length}`);
  }
  const value = Buffer.alloc(216);
  socketAddress(peer, 0).copy(value, 0);
  value.writeUInt16LE(octets.length, 130);
  octets.copy(value, 136);
  setOption(fd, IPPROTO_TCP, TCP_MD5SIG, value);
}

interface Instruction {
  readonly code: number;
  /** Instructions to skip if the comparison holds, and if it does not. */
  readonly jumps?: readonly [yes: number, no: number];
  readonly k: number;
}

/** Loads of four octets and of one, comparisons, and the end, of classic BPF. */
const BPF_LOAD_WORD = 0x20;
const BPF_LOAD_OCTET = 0x30;
const BPF_JUMP_IF_EQUAL = 0x15;
const BPF_JUMP_IF_NOT_LESS = 0x35;
const BPF_RETURN = 0x06;
/** Offsets from here on count from the IP header (SKF_NET_OFF). */
const networkHeader = 0xfff00000;
const keepDatagram: Instruction = { code: BPF_RETURN, k: 0xffffffff };
const dropDatagram: Instruction = { code: BPF_RETURN, k: 0 };

/**
 * A filter, since Linux holds only TCP to IP_MINTTL: one block of instructions for each source, which
 * ends with its verdict if the datagram is from there.
 */
function setSourceFilter(fd: number, sources: readonly DatagramSource[]): void {
  const program = [...sources.flatMap(sourceBlock), dropDatagram];
  const filter = Buffer.alloc(8 * program.length);
  for (const [index, { code, jumps = [0, 0], k }] of program.entries()) {
    filter.writeUInt16LE(code, 8 * index);
    filter.writeUInt8(jumps[0], 8 * index + 2);
    filter.writeUInt8(jumps[1], 8 * index + 3);
    filter.writeUInt32LE(k, 8 * index + 4);
  }
  const size = koffi.sizeof("sock_fprog");
  if (attachFilter(fd, SOL_SOCKET, SO_ATTACH_FILTER, { len: program.length, filter }, size) < 0) {
    throw new SocketError("setsockopt SO_ATTACH_FILTER", errnoName());
  }
}

function sourceBlock({ address, minimumTtl }: DatagramSource): Instruction[] {
  const offsets = headerOffsets[address.family];
  const octets = Buffer.from(addressOctets(address));
  const verdict: Instruction[] = [
    { code: BPF_LOAD_OCTET, k: networkHeader + offsets.ttl },
    { code: BPF_JUMP_IF_NOT_LESS, jumps: [0, 1], k: minimumTtl },
    keepDatagram,
    dropDatagram,
  ];
  const words = octets.length / 4;
  const comparisons = Array.from({ length: words }, (_, index): Instruction[] => {
    const restOfBlock = 2 * (words - index - 1) + verdict.length;
    return [
      { code: BPF_LOAD_WORD, k: networkHeader + offsets.source + 4 * index },
      { code: BPF_JUMP_IF_EQUAL, jumps: [0, restOfBlock], k: octets.readUInt32BE(4 * index) },
    ];
  });
  return [...comparisons.flat(), ...verdict];
}

/** struct sockaddr_in or sockaddr_in6; the zone of a scoped address must be numeric or a device. */
function socketAddress(address: Address, port: number): Buffer {
  const octets = addressOctets(address);
  if (address.family === "ipv4") {
    const value = Buffer.alloc(16);
    value.writeUInt16LE(AF_INET, 0);
    value.writeUInt16BE(port, 2);
    value.set(octets, 4);
    return value;
  }
  const value = Buffer.alloc(28);
  value.writeUInt16LE(AF_INET6, 0);
  value.writeUInt16BE(port, 2);
  value.set(octets, 8);
  value.writeUInt32LE(address.zone === undefined ? 0 : interfaceIndex(address.zone), 24);
  return value;
}

const nameToIndex = libc.func("uint32_t if_nametoindex(const char *name)");

function interfaceIndex(zone: string): number {
  const index: number = /^\d+$/.test(zone) ? Number(zone) : nameToIndex(zone);
  if (index === 0) {
    throw new SocketError(`if_nametoindex ${zone}`, errnoName());
  }
  return index;
}

function errnoName(): string {
  const errno = koffi.errno();
  const names = Object.entries(koffi.os.errno);
  return names.find(([, value]) => value === errno)?.[0] ?? `errno ${errno}`;
}
