import { createCgroupDriver } from '#drivers/cgroup/driver.ts'

/**
 * Why control groups cannot be tested here, or false. With REEVE_REQUIRE_SYSTEM=1 nothing is skipped: the tests fail
 * for the same reason.
 */
export async function reasonToSkip(root: string): Promise<string | false> {
  if (process.env['REEVE_REQUIRE_SYSTEM'] === '1') return false
  try {
    const driver = await createCgroupDriver({ root, outputDir: '/nonexistent' })
    await driver.close()
    const create = driver.capabilities.find((capability) => capability.name === 'create')
    return create?.available === false && `${create.reason}; ${create.remedy}`
  } catch (error) {
    return (error as Error).message
  }
}
