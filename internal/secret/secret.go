// Package secret holds text that must not be shown: whatever prints, logs or marshals it gets three stars.
package secret

import (
	"fmt"
	"io"
	"log/slog"
)

// Stars is what stands in for a secret wherever it would be shown.
const Stars = "***"

// Text is a password, a token, a seed or a signed link. Only Reveal gives it away. A struct that is printed and holds
// one in an unexported field needs a Format method of its own, since fmt cannot call that of the field.
type Text string

// Reveal returns the text itself: for hashing, for comparing, and for printing it once to its owner.
func (t Text) Reveal() string { return string(t) }

func (Text) String() string { return Stars }

// Format implements fmt.Formatter: no verb shows the text.
func (Text) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, Stars) }

// LogValue implements slog.LogValuer.
func (Text) LogValue() slog.Value { return slog.StringValue(Stars) }

// MarshalText implements encoding.TextMarshaler, which JSON uses too.
func (Text) MarshalText() ([]byte, error) { return []byte(Stars), nil }
