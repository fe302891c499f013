/** Only addresses of the public internet count as public, however they are written. */
import t from 'tap';
import { isPublic } from '../../src/http-type/addresses.js';

const isPrivate = [
  ['0.0.0.0', '0.1.2.3', '10.0.0.1', '100.64.0.1', '127.0.0.1', '127.255.255.254', '169.254.169.254', '172.16.0.1'],
  ['172.31.255.255', '192.0.0.1', '192.0.2.1', '192.88.99.1', '192.168.1.1', '198.18.0.1', '198.51.100.1'],
  ['203.0.113.1', '224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.255'],
  [
    '::',
    '::1',
    '::7f00:1',
    '::10.0.0.1',
    '::8.8.8.8',
    'fe80::1',
    'fe80::1%eth0',
    'fec0::1',
    'fc00::1',
    'fd12::1',
    'ff02::1',
  ],
  ['::ffff:127.0.0.1', '::ffff:7f00:1', '::ffff:10.1.2.3', '::ffff:169.254.169.254', '::ffff:0:10.0.0.1'],
  ['64:ff9b::10.0.0.1', '64:ff9b::7f00:1', '64:ff9b:1::8.8.8.8', '2002:7f00:1::', '2002:a00:1::1', '2001:0:1::1'],
  ['2001:db8::1', '2001:10::1', '2001:20::1', '3fff::1', '100::1', '5f00::1', '4000::1'],
  ['', 'localhost', '127.1.', '1.2.3', 'example.com', '10.0.0.1/8', '1.2.3.4 '],
].flat();

const isOpen = [
  '1.1.1.1',
  '8.8.8.8',
  '93.184.216.34',
  '172.15.0.1',
  '172.32.0.1',
  '100.63.0.1',
  '2606:4700:4700::1111',
].concat(['2a00:1450:4001::1', '::ffff:8.8.8.8', '::ffff:808:808', '64:ff9b::8.8.8.8']);

t.test('what is special, private or no address is not public', async (t) => {
  for (const address of isPrivate) t.notOk(isPublic(address), address);
});

t.test('what is global unicast is public', async (t) => {
  for (const address of isOpen) t.ok(isPublic(address), address);
});
