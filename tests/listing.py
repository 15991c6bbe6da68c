"""What list-instances can be asked, for a fake of RDS that only has a list."""

from bot.domain.instances import PAGE, Instance


class Listing:
    """Answers for a page and for one instance from the whole list."""

    async def list_instances(self) -> list[Instance]:
        raise NotImplementedError

    async def list_instance_page(self, number: int) -> list[Instance]:
        return (await self.list_instances())[number * PAGE :][:PAGE]

    async def find_instance(self, instance_id: str) -> Instance | None:
        listed = await self.list_instances()
        return next((instance for instance in listed if instance.id == instance_id), None)
