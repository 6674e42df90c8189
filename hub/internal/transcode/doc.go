// Package transcode makes renditions of cameras: streams in another format, size, quality or rate than the camera's
// own, each made once for all its viewers.
//
// A rendition is a stream.Stream like a camera's own, so viewers, the cached GOP and MP4 work as for any other.
// docs/design/transcoding.md tells how it is made.
package transcode
