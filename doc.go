// Package bramble is the whole system in one comment.
//
// Bramble relays many cameras to many viewers:
//
//	camera -> agent --one copy, only while watched--> NATS subject --> hub --N copies--> viewers
//
// An agent (package agent) runs beside the cameras, usually on a Raspberry Pi. It publishes every frame once, on the
// NATS subject cam.<id>.jpeg or cam.<id>.h264, and only while it has a subscriber: NATS itself answers a message
// without subscribers, so interest is demand, and an unwatched camera is closed.
//
// A hub (package hub) subscribes to a camera while it has viewers, keeps one ring of immutable frames per stream, and
// serves it over HTTP as JPEG, MJPEG, H.264 and fragmented MP4. A viewer is a cursor into that ring, not a queue:
// memory does not grow with the audience, and one that falls behind jumps to the newest JPEG or the newest key frame.
// Hubs share no state, so that more hubs are just more subscribers.
//
// What both sides must agree on is in shared: the frame and its headers (shared/frame), the names of the subjects
// (shared/subject), the status document (shared/status), the reasons for losing a frame (shared/drop). The page is in
// webui.
//
// agent and hub never import each other; they meet in commands and in the end-to-end tests only. docs/design says why
// things are as they are, docs/ref is the normative description of the wire and of the HTTP face, docs/guide says how
// to do things.
package bramble
