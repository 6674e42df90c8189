package placeholder

import (
	"fmt"
	"time"
)

// seen says when the camera was last seen, as of now.
func seen(last, now time.Time) string {
	if last.IsZero() {
		return "never seen"
	}
	last, now = last.Local(), now.Local()
	layout := "15:04:05"
	if y, m, d := last.Date(); now.Year() != y || now.Month() != m || now.Day() != d {
		layout = "2 Jan 2006 15:04"
	}
	return "last seen " + last.Format(layout) + ", " + ago(now.Sub(last))
}

// ago puts an age into words. A camera's clock may be ahead of ours: that is no age.
func ago(d time.Duration) string {
	switch {
	case d < time.Second:
		return "just now"
	case d < time.Minute:
		return fmt.Sprintf("%d s ago", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", d/time.Hour)
	}
	return fmt.Sprintf("%d days ago", d/(24*time.Hour))
}
