package status

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// MaxSettingsSize is the largest settings document in bytes that is accepted.
const MaxSettingsSize = 8 << 10

// Settings is the JSON document with which do.configure changes a camera. Absent members stay as they are.
type Settings struct {
	FPS      *float64         `json:"fps,omitempty"`      // frames per second
	Quality  *int             `json:"quality,omitempty"`  // of JPEGs, 1 to 100
	Bitrate  *int             `json:"bitrate,omitempty"`  // of H.264, bits per second
	Controls map[string]int64 `json:"controls,omitempty"` // by name, as answers to do.info list them
}

// DecodeSettings parses a settings document. It refuses unknown members, documents larger than MaxSettingsSize and
// documents that change nothing. It does not check the values, because their limits depend on the camera.
func DecodeSettings(data []byte) (Settings, error) {
	var s Settings
	if len(data) > MaxSettingsSize {
		return s, fmt.Errorf("settings of %d bytes: at most %d are allowed", len(data), MaxSettingsSize)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return s, fmt.Errorf(
			`settings: %w: write a JSON object such as {"fps": 15} or {"controls": {"brightness": 10}}; `+
				`known are fps, quality, bitrate and controls`, err)
	}
	if d.More() {
		return s, errors.New("settings: write one JSON object and nothing after it")
	}
	if s.FPS == nil && s.Quality == nil && s.Bitrate == nil && len(s.Controls) == 0 {
		return s, errors.New("settings: nothing to change: give at least one of fps, quality, bitrate and controls")
	}
	return s, nil
}
