// Package docker proves the container images without a Docker engine: the compose file by the model's own loader, and
// what is in the images by running their entry points, as their users, in root directories made as the Dockerfile says.
package docker
