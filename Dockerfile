# rl4seg with its plugins, for a user without rights. The data of the host is seen where it is mounted:
#
#   docker build --tag rl4seg .
#   docker run --rm --volume "$PWD:/data" --user "$(id -u):$(id -g)" rl4seg doctor

FROM rust:1.95-bookworm AS build
WORKDIR /source
COPY . .
# As in the archive of a release, times do not depend on when it is built.
ARG SOURCE_DATE_EPOCH=0
RUN release/archive --out /archives \
    && mkdir /rl4seg \
    && tar --extract --gzip --file /archives/rl4seg-*.tar.gz --directory /rl4seg --strip-components 1

FROM debian:bookworm-slim
RUN useradd --create-home --uid 1000 rl4seg
COPY --from=build /rl4seg /opt/rl4seg
ENV PATH=/opt/rl4seg:$PATH
USER rl4seg
WORKDIR /data
ENTRYPOINT ["rl4seg"]
CMD ["--help"]
