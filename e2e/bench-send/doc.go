// Command bench-send measures what the ways of handing one shared frame to many TCP viewers cost, side by side (docs/design/sending.md).
package main
