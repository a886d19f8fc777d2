const IMAGE = 'redis:7.4-alpine';

/** A container where a Docker engine answers, else undefined. Testcontainers' reaper ends it with this process. */
export async function startRedisContainer(
  port: number | undefined,
): Promise<{ url: string; stop(): Promise<void> } | undefined> {
  const { GenericContainer, getContainerRuntimeClient } = await import('testcontainers');
  try {
    await getContainerRuntimeClient();
  } catch {
    return undefined;
  }
  const container = await new GenericContainer(IMAGE)
    .withCommand([
      'redis-server',
      ...['--save', '', '--appendonly', 'yes', '--appendfsync', 'everysec', '--maxmemory-policy', 'noeviction'],
    ])
    .withExposedPorts(port === undefined ? 6379 : { container: 6379, host: port })
    .start();
  let stopping: Promise<unknown> | undefined;
  return {
    url: `redis://${container.getHost()}:${container.getMappedPort(6379)}`,
    stop: async () => {
      stopping ??= container.stop();
      await stopping;
    },
  };
}
