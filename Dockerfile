FROM python:3.12-slim

# 0.0.0.0 is the container's own network. Who may come in has to be said: `-e FACEATTR_TOKEN_FILE=…`, or
# `-e FACEATTR_OPEN=1` where `docker run -p 127.0.0.1:…` or a proxy decides.
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 FACEATTR_HOST=0.0.0.0
WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir --disable-pip-version-check -r requirements.txt
COPY faceattr/ faceattr/
COPY models/ models/
COPY templates/ templates/
COPY cli_batch.py LICENSE ./

# The service runs as a user without a name or rights of its own, so what was copied must be readable to others, whatever
# the umask of the checkout. Models mounted at /root/models must be, too, so /root may be entered (but not listed).
# Diagnostics are written only when asked for, with `-e FACEATTR_DEBUG=/root/logs`.
RUN find . ! -perm -o=r -exec chmod a+rX {} + && \
    mkdir -p /root/models /root/logs && chmod 711 /root && chmod 755 /root/models && chown 10001:10001 /root/logs
USER 10001:10001

EXPOSE 5000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 CMD ["python", "-m", "faceattr", "healthcheck"]
CMD ["python", "-m", "faceattr", "serve"]
