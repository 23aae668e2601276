// Real discv5 nodes of an independent implementation, on loopback:
//
//   node peers.mjs COUNT [BOOTNODE_ENR]
//
// Prints {"enr", "node_id", "udp"} for each, a line of JSON, once all have joined through the bootnode (without one,
// through the first of them). Orders come on standard input: `stop N` stops the Nth, counted from 0, and prints
// {"stopped": N}. They all end when standard input does.

import { randomBytes } from 'node:crypto'
import dgram from 'node:dgram'
import { once } from 'node:events'
import readline from 'node:readline'
import { Discv5 } from '@chainsafe/discv5'
import { SignableENR } from '@chainsafe/enr'
import { multiaddr } from '@multiformats/multiaddr'

const HOST = '127.0.0.1'
const [count, bootnode] = [Number(process.argv[2]), process.argv[3]]

const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`)

async function freePort() {
  const socket = dgram.createSocket('udp4').bind(0, HOST)
  await once(socket, 'listening')
  const { port } = socket.address()
  socket.close()
  await once(socket, 'close')
  return port
}

async function startNode() {
  const raw = randomBytes(32)
  const enr = SignableENR.createV4(raw)
  const address = multiaddr(`/ip4/${HOST}/udp/${await freePort()}`)
  enr.setLocationMultiaddr(address)
  // What it says of itself must stay what it printed: no guessing of its own address.
  const config = { enrUpdate: false }
  const node = Discv5.create({ enr, privateKey: { type: 'secp256k1', raw }, bindAddrs: { ip4: address }, config })
  await node.start()
  return node
}

const nodes = []
for (let i = 0; i < count; i++) nodes.push(await startNode())

// Two rounds: in the first the others come to know each node, in the second it learns of those who came after it.
const first = bootnode ?? nodes[0].enr.encodeTxt()
for (const node of nodes) if (node.enr.encodeTxt() !== first) node.addEnr(first)
for (let round = 0; round < 2; round++) {
  for (const node of nodes) {
    // A lookup with nobody to ask never ends.
    if (node.kadValues().length > 0) await node.findNode(randomBytes(32).toString('hex'))
  }
}

for (const node of nodes) {
  const { nodeId: node_id, udp } = node.enr
  say({ enr: node.enr.encodeTxt(), node_id, udp })
}

for await (const order of readline.createInterface({ input: process.stdin })) {
  const [verb, index] = order.split(' ')
  if (verb !== 'stop' || !nodes[index]) throw new Error(`unknown order ${order}`)
  await nodes[index].stop()
  say({ stopped: Number(index) })
}
process.exit(0)
