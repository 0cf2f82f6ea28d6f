FROM python:3.12-slim

ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 FACEATTR_HOST=0.0.0.0
WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir --disable-pip-version-check -r requirements.txt
COPY faceattr/ faceattr/
COPY models/ models/
COPY templates/ templates/
COPY cli_batch.py LICENSE ./

# The service runs as a user without a name or rights of its own. Models mounted at /root/models must be readable to it,
# so /root may be entered (but not listed) by others.
RUN mkdir -p /root/models && chmod 711 /root && chmod 755 /root/models
USER 10001:10001

EXPOSE 5000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 CMD ["python", "-m", "faceattr", "healthcheck"]
CMD ["python", "-m", "faceattr", "serve"]
