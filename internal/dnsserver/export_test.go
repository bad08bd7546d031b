package dnsserver

// SipHash is what cookies are made with.
var SipHash = sipHash
