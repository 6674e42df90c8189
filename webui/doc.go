// Package webui holds the page that the hub serves, its login page and the element <bramble-camera>: plain ES modules
// without a build step, embedded and bundled when the hub starts. What serves them is not here.
//
// The folder assets has the entry modules app.js and bramble-camera.js, the style sheets, and four folders. A module
// imports from its own folder and from those named here:
//
//   - hub: the connection to the hub, its API and its protocol. It shows nothing.
//   - player (hub): plays the stream of a camera.
//   - ui (hub): parts that know nothing of the page around them, such as formatting, zoom and downloads.
//   - views (hub, player, ui): the grid, the page of a camera, and what they consist of.
package webui
