// Package golden compares what other programs see of Bramble with files in testdata: HTTP answers, WebSocket messages,
// metrics, help texts and the wire. It uses the programs from outside and knows nothing of their packages.
package golden
