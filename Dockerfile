# Overridden where the bases come under other names (a mirror, the end-to-end tests).
ARG NODE_IMAGE=node:24-alpine
ARG DOCKER_CLI_IMAGE=docker:28-cli

FROM ${DOCKER_CLI_IMAGE} AS docker-cli

FROM ${NODE_IMAGE} AS build
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json LICENSE* ./
COPY scripts/build.ts scripts/
COPY src src
COPY plugins plugins
RUN npm run build

FROM ${NODE_IMAGE}
COPY --from=docker-cli /usr/local/bin/docker /usr/local/bin/docker
COPY --from=build /src/LICENSE* /src/dist/THIRD-PARTY-LICENSES.txt /app/
COPY --from=build /src/dist /app/dist
# A new volume mounted at /data takes over this owner: the user that the watchdog becomes.
RUN mkdir /data && chown 1000:1000 /data
# For people: docker exec CONTAINER spreadpilot-watchdog status
RUN ln -s /app/dist/cli.js /usr/local/bin/spreadpilot-watchdog

# There is no USER: the socket's group differs from host to host and is known only when it runs. The
# program starts as root, looks the group up, and becomes WATCHDOG_RUN_AS (uid:gid) with that group
# before it loads anything else. HOME: the docker client must not look for its settings in /root.
ENV NODE_ENV=production \
    HOME=/home/node \
    STATE_FILE=/data/state.json \
    WATCHDOG_RUN_AS=1000:1000
VOLUME /data

HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "/app/dist/cli.js", "healthcheck"]
ENTRYPOINT ["node", "/app/dist/cli.js"]
CMD ["serve"]
