# The program on nothing but Node: no shell, no package manager, no npm.
#
#   docker build -t registry.example/routelb:0.1.0 .
#   docker buildx build --platform linux/amd64,linux/arm64 -t registry.example/routelb:0.1.0 --push .
#
# Nothing here names an architecture: npm chooses koffi's native file, and ldd the libraries.
FROM node:24-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN --mount=type=cache,target=/root/.npm npm ci --no-audit --no-fund
COPY scripts/build.ts scripts/bundle.ts scripts/image-root.sh scripts/image-sbom.ts scripts/
COPY src src
RUN node scripts/build.ts && sh scripts/image-root.sh /image

FROM scratch
COPY --from=build /image /
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="RouteLB" \
      org.opencontainers.image.description="A load balancer for bare-metal Kubernetes: BGP speaker and controller" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.base.name="docker.io/library/node:24-bookworm-slim"
USER 65532:65532
WORKDIR /app
EXPOSE 7472
ENV NODE_ENV=production
ENTRYPOINT ["/usr/local/bin/node", "/app/routelb.js"]
