package device

import "strings"

// controlName writes a driver's name of a control as v4l2-ctl does: letters and digits in lower case, one underscore
// for whatever lies between them.
func controlName(driver string) string {
	var b strings.Builder
	gap := false
	for _, r := range []byte(driver) {
		switch {
		case 'A' <= r && r <= 'Z':
			r += 'a' - 'A'
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
		default:
			gap = b.Len() > 0
			continue
		}
		if gap {
			b.WriteByte('_')
			gap = false
		}
		b.WriteByte(r)
	}
	return b.String()
}
