# An image with kubectl, kind and docker; the image of the harness copies them from it:
#
#   docker build --file kind-config/harness/tools.Dockerfile --tag harness-tools .
#
# Any other image with these three programs in /usr/local/bin works as well.
FROM registry.k8s.io/kubectl:v1.34.4 AS kubectl
FROM docker:28-cli AS docker
FROM golang:1.25 AS kind
RUN CGO_ENABLED=0 GOBIN=/usr/local/bin go install -ldflags=-s sigs.k8s.io/kind@v0.33.0

FROM scratch
COPY --from=kubectl /bin/kubectl /usr/local/bin/kubectl
COPY --from=docker /usr/local/bin/docker /usr/local/bin/docker
COPY --from=kind /usr/local/bin/kind /usr/local/bin/kind
