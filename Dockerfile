# In a container the server has to listen on every address, and then it refuses to start without a token:
#
#   docker build -t escapement .
#   docker run -p 8080:8080 -v escapement-data:/data -e ESCAPEMENT_TOKEN=... escapement
#
# Handlers of your own go to /app/dist/workers, or anywhere else with ESCAPEMENT_HANDLERS set; backups to /backups.

FROM node:22-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY scripts ./scripts
RUN npm ci
COPY . .
RUN npm run build \
 && npm prune --omit=dev \
 && node scripts/prune-uws.mjs --always \
 && rm -f node_modules/uWebSockets.js/*.orig

FROM node:22-slim
ENV NODE_ENV=production \
    ESCAPEMENT_HOST=0.0.0.0 \
    ESCAPEMENT_PORT=8080 \
    ESCAPEMENT_DATA_DIR=/data \
    ESCAPEMENT_HANDLERS=/app/dist/workers
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/scripts/node-version.mjs ./scripts/node-version.mjs
COPY --from=build /app/dist/src ./dist/src
COPY --from=build /app/dist/dashboard ./dist/dashboard
COPY --from=build /app/dist/workers ./dist/workers
RUN mkdir /data /backups && chown node:node /data /backups
USER node
VOLUME /data
EXPOSE 8080
# Whether it answers, on the port and with the certificate that the variables name. Not whether its disk is full, say: a new
# container would not help then.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
  CMD ["node", "dist/src/cli.js", "health", "--live"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "--max-semi-space-size=64", "dist/src/cli.js"]
CMD ["start"]
