// Package docker tests the container images and docker-compose.yml. The tests of the files need nothing but Go. The
// tests of the images start a Docker engine of their own, build every image of the Dockerfile, and run the compose
// file with its profiles, as docs/guide/docker.md says.
//
// The tests pull nothing from a registry. They make the base images from Debian's packages, under the names that the
// Dockerfile and the compose file use.
package docker
