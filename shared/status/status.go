// Package status defines the JSON document that describes one camera. An agent publishes it on cam.<id>.status and
// returns it in answer to do.info. [Settings] is the document that changes a camera, for do.configure.
//
// The normative text is docs/ref/wire.md.
package status

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/bramble-cam/bramble/internal/printable"
	"github.com/bramble-cam/bramble/shared/frame"
	"github.com/bramble-cam/bramble/shared/subject"
)

// MaxSize is the largest status document in bytes that is accepted.
const MaxSize = 64 << 10

// How many items a status document may list.
const (
	maxControls  = 256
	maxMenuItems = 2048
	maxReasons   = 64
)

// maxShown bounds what an error shows of a foreign text, in bytes.
const maxShown = 32

// Interval is how often an agent publishes the status of a camera when nothing changes.
const Interval = 5 * time.Second

// State is what a camera does, as its agent reports it. A hub has two more states, "offline" and "conflict", which no
// agent can report.
type State string

// The states that an agent reports.
const (
	Idle     State = "idle"     // without interest; the source is closed
	Starting State = "starting" // the source opens; there is no frame yet
	Live     State = "live"     // frames arrive
	Degraded State = "degraded" // there is interest but no frame; Reason says why
	Stopped  State = "stopped"  // the agent has been stopped
)

// Status describes one camera.
type Status struct {
	Camera   string    `json:"camera"`
	Instance string    `json:"instance"` // identifies this run of the agent; two on one camera are a conflict
	Started  time.Time `json:"started"`  // when the agent's run began
	Host     string    `json:"host"`
	Agent    string    `json:"agent"` // the agent's version
	State    State     `json:"state"`
	Reason   string    `json:"reason,omitempty"` // why degraded, and the remedy
	Since    time.Time `json:"since"`            // when State was entered

	Source  string       `json:"source"` // kind of source: file, exec, pattern, ...
	Format  frame.Format `json:"format"` // what the camera delivers natively
	Epoch   int64        `json:"epoch,omitempty"`
	Width   int          `json:"width,omitempty"`
	Height  int          `json:"height,omitempty"`
	FPS     float64      `json:"fps"`     // captured per second, averaged over the last seconds
	Bitrate int64        `json:"bitrate"` // bits per second captured, over the last seconds

	Frames  uint64            `json:"frames"`            // captured since the agent's start
	Sent    uint64            `json:"sent"`              // published since the agent's start
	Drops   map[string]uint64 `json:"drops,omitempty"`   // by reason since the agent's start
	Warning string            `json:"warning,omitempty"` // what does not work as it should, and the remedy

	Controls []Control `json:"controls,omitempty"` // only in answers to do.info

	Clock       Clock    `json:"clock"`
	Temperature *float64 `json:"temperature,omitempty"` // of the board, in degrees Celsius; nil if unknown
}

// Where capture times come from.
const (
	ClockV4L2    = "v4l2"    // the driver's time stamp of the buffer
	ClockSensor  = "sensor"  // the camera system's time stamp of the exposure
	ClockArrival = "arrival" // when the frame reached the agent
)

// Control is a setting of the camera that do.configure can change.
type Control struct {
	Name     string   `json:"name"` // as v4l2-ctl writes it, for example white_balance_temperature
	Type     string   `json:"type"` // int, bool, menu or button
	Min      int64    `json:"min"`
	Max      int64    `json:"max"`
	Step     int64    `json:"step"`
	Default  int64    `json:"default"`
	Value    int64    `json:"value"`
	Menu     []string `json:"menu,omitempty"`     // the items of a menu, from Min on; "" for a missing one
	Inactive bool     `json:"inactive,omitempty"` // has no effect now, because another control overrides it
}

// Clock describes how good the capture times of this camera are.
type Clock struct {
	Source string `json:"source"`   // ClockV4L2, ClockSensor or ClockArrival
	Error  int64  `json:"error_us"` // largest known error in microseconds; -1 if unknown
}

// Decode parses and checks a status document. It refuses documents larger than MaxSize, invalid camera ids and unknown
// states. Each text in the result is one line of printable characters of bounded length, safe for a terminal.
func Decode(data []byte) (Status, error) {
	var s Status
	if len(data) > MaxSize {
		return s, fmt.Errorf("status document of %d bytes: at most %d are allowed", len(data), MaxSize)
	}
	if err := json.Unmarshal(data, &s); err != nil {
		return s, fmt.Errorf("status document: %s", printable.Line(err.Error(), maxReason)) // it may repeat the document
	}
	if err := subject.ValidateID(s.Camera); err != nil {
		return s, fmt.Errorf("status document: %w", err)
	}
	if s.Instance == "" {
		return s, fmt.Errorf("status document of camera %s: instance is missing", s.Camera)
	}
	if _, err := frame.ParseFormat(string(s.Format)); err != nil {
		return s, fmt.Errorf("status document of camera %s: %w", s.Camera, err)
	}
	if err := s.checkLists(); err != nil {
		return s, fmt.Errorf("status document of camera %s: %w", s.Camera, err)
	}
	if err := s.clean(); err != nil {
		return s, fmt.Errorf("status document of camera %s: %w", s.Camera, err)
	}
	switch s.State {
	case Idle, Starting, Live, Degraded, Stopped:
		return s, nil
	}
	return s, fmt.Errorf("status document of camera %s: unknown state %q", s.Camera,
		printable.Truncate(string(s.State), maxShown))
}

// checkLists bounds what takes much more memory than its three bytes of JSON.
func (s *Status) checkLists() error {
	items := 0
	for _, c := range s.Controls {
		items += len(c.Menu)
	}
	switch {
	case len(s.Controls) > maxControls:
		return fmt.Errorf("%d controls: at most %d are allowed", len(s.Controls), maxControls)
	case items > maxMenuItems:
		return fmt.Errorf("controls with %d menu items: at most %d are allowed", items, maxMenuItems)
	case len(s.Drops) > maxReasons:
		return fmt.Errorf("drops with %d reasons: at most %d are allowed", len(s.Drops), maxReasons)
	}
	return nil
}
