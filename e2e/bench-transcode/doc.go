// Command bench-transcode measures what renditions cost the hub's machine, and how soon they show a picture. It runs on
// Linux.
package main
