import { createCgroupDriver } from '#drivers/cgroup/driver.ts'

/**
 * Why control groups cannot be tested here, or false: what the driver lacks of what is named. With
 * REEVE_REQUIRE_SYSTEM=1 nothing is skipped: the tests fail for the same reason.
 */
export async function reasonToSkip(root: string, capability = 'create'): Promise<string | false> {
  if (process.env['REEVE_REQUIRE_SYSTEM'] === '1') return false
  try {
    const driver = await createCgroupDriver({ root, outputDir: '/nonexistent' })
    await driver.close()
    const its = driver.capabilities.find(({ name }) => name === capability)
    return its?.available === false && `${its.reason}; ${its.remedy}`
  } catch (error) {
    return (error as Error).message
  }
}
