/** Which addresses are of the public internet: global unicast, by the registries that ipaddr.js knows. */
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** All of global unicast (RFC 4291, 2.4); the rest of IPv6 is special or not assigned. */
const globalUnicast = ipaddr.IPv6.parseCIDR('2000::/3');
/** What translators between IPv6 and IPv4 use (RFC 6052): in networks of IPv6 alone, all of IPv4 is reached by it. */
const translated = ipaddr.IPv6.parseCIDR('64:ff9b::/96');

/** IPv4-compatible addresses (RFC 4291, 2.5.5.1) are no more in use; ipaddr.js takes them for mapped ones. */
const compatible = /^::\d+\./;

/** @param text an IPv4 or IPv6 address; anything else is not public */
export function isPublic(text: string): boolean {
  if (isIP(text) === 0 || compatible.test(text)) return false;
  // An address of IPv4 that is written as one of IPv6 (::ffff:10.0.0.1) reaches that of IPv4.
  const address = ipaddr.process(text);
  if (address instanceof ipaddr.IPv4) return address.range() === 'unicast';
  if (address.match(translated)) return isPublic(address.toByteArray().slice(-4).join('.'));
  return address.match(globalUnicast) && address.range() === 'unicast';
}
